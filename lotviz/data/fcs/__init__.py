"""FCS files: text, layout and values to the letter of the standard, spillover, and writing them."""
