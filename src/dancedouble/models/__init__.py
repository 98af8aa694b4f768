"""Networks and losses: torch only, no paths, no devices chosen here."""
