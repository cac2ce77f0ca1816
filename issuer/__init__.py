"""The issuing office: who has earned a badge, and how it reaches its holder."""
