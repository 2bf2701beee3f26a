"""What is said about lesions: measures, reports, exports."""
