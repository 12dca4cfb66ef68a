"""Paths on a host: its application and its logs."""

APP_PATH = "/home/forge/agency-platform"
ACCESS, LARAVEL = "/var/log/nginx/access.log", f"{APP_PATH}/storage/logs/laravel.log"
