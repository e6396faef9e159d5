"""Many models: found in folders, looked up in the cache, checked side by side; one that fails stops no other."""
