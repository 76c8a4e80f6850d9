"""The channel SMS; `smpp` is its engine, a package of its own that knows nothing of Wasl."""
