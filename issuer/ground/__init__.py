"""What all rooms of the issuing office stand on: settings, database, outgoing HTTP, audit."""
