"""What every room uses: files written whole, addresses, chunks of long matrices, HTML."""
