"""What the rows of all files have in common."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.mapping.deviation import NAME

Direction = Literal["discharge", "charge"]
ByteOrder = Literal["big", "little"]
Numbers = int | str | list[int | str]
"One number, a list, or a range as text: 3, [1, 2], 0-103."
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=NAME, max_length=64)]


class Row(BaseModel):
    """What all rows have in common: nothing unknown, nothing converted, nothing changed later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
