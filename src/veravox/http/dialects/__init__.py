"""One module for each vendor's way to speak: parse, call the service, render."""
