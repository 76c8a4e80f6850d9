"""Real requests of other cities, played through the running Open311 interface; reading their maps is in `maps`."""
