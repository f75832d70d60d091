"""Forms of the lobes that run fast, in training where gradients pass through
them; the precision and the handling of memory that suit a device."""
