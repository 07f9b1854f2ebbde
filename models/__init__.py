"""Published networks, one file a paper. They use the public API only and are not part of the package."""
