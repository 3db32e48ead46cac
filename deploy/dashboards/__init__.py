"""Grafana's dashboards as code: `python -m deploy.dashboards` writes the JSON files that Grafana is provisioned with."""
