"""Networks that look at pictures as people or statistics do: LPIPS and Inception, by weights that the user brings."""
