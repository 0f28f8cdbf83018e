"""The libraries that can speak to Telegram: a module each, whose `build(token, base_url)` gives a `client.Client`."""
