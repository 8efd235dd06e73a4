//! Formats: functions of a report and a writer.
