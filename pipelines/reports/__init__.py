"""The report: one HTML file of a week, a month or a year, to keep or to send.

`report_period` reads which days it is about, `report_data` asks the dashboard's charts for them,
`report_tables` writes the figures as plain HTML, `manifest_hash` hashes the rows behind them,
`report_file` joins all with the dashboard's page, and `send_report` sends it through the channels
of alerts.
"""
