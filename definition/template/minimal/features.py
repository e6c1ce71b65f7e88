"""What is known of a customer at the end of each month."""

from feast import Entity, FeatureService, FeatureView, Field
from feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source import (
    PostgreSQLSource,
)
from feast.types import Float64, Int64, String

customer = Entity(
    name="customer",
    join_keys=["customer_id"],
    description="Somebody who has ordered at least once.",
)

# The pipeline load_month writes this table: a row is what was known of a
# customer on the day as_of.
customers_source = PostgreSQLSource(
    name="customers_source",
    query="SELECT customer_id, as_of, orders_30d, amount_30d, channel FROM customers_snapshots",
    timestamp_field="as_of",
)

customer_orders = FeatureView(
    name="customer_orders",
    entities=[customer],
    ttl=None,  # the newest snapshot counts, however old it is
    schema=[
        Field(name="orders_30d", dtype=Int64),
        Field(name="amount_30d", dtype=Float64),
        Field(name="channel", dtype=String),
    ],
    source=customers_source,
    online=True,
)

# What one model asks for, under one name.
next_order_v1 = FeatureService(name="next_order_v1", features=[customer_orders])
