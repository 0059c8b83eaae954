"""The FHIR server edge: HTTP, authorization, validation."""
