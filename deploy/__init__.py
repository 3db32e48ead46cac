"""What runs beside the bot on its server: how Prometheus looks at it, what Alertmanager tells, what Grafana shows."""
