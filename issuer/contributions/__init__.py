"""What people did: records from many sources, stored once each."""
