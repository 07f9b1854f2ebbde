"""The documentation site: ``python -m docs`` builds it and shows it in a browser."""
