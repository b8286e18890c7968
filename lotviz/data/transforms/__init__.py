"""From raw values to the scale distances are measured on."""
