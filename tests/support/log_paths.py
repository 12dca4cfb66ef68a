"""Paths of logs, as a host has them."""

ACCESS, LARAVEL = "/var/log/nginx/access.log", "/home/forge/agency-platform/storage/logs/laravel.log"
