"""The revisions, one linear chain: 0001_inbox, 0002_publish, 0003_cds."""
