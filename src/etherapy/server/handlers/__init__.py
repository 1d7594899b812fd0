"""One function for each endpoint, of the same name: plain values in, plain values out."""
