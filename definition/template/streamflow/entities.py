"""What the features describe."""

from feast import Entity

user = Entity(
    name="user",
    join_keys=["user_id"],
    description="A subscriber of StreamFlow.",
)
