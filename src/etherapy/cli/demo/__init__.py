"""The story of the product, told with real parts: a message sent at night is answered in the morning."""
