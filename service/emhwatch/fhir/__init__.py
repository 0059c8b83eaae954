"""The edge to the FHIR server: client, authorization, validation, OperationOutcome."""
