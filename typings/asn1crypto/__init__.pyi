"""The part of asn1crypto's interface that Veravox uses; the package ships no types."""
