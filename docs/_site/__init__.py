"""What the configuration of the documentation site needs: generated pages, and links."""
