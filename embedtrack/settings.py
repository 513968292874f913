"""What all settings have in common."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Frozen, and an unknown field is an error: a typing mistake in a config.json is never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")
