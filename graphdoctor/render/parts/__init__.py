"""What the formats are made of: options, the page that lays text out, groups of equal findings."""
