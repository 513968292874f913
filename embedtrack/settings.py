"""What all settings have in common."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Frozen, of finite numbers, and an unknown field is an error: no typing mistake in a config.json is ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
