"""What users of a router are promised, as statistics. Pure: arrays in, frozen figures out; no tables, no request."""
