"""Tables as people type and export them: sample sheets, cells in text, Excel and parquet."""
