from feast import FeatureView, Field
from feast.types import Bool, Float32, Int64, String

from data_sources import (
    payments_agg_90d_source,
    subs_profile_source,
    support_agg_90d_source,
    usage_agg_30d_source,
)
from entities import user

subs_profile_fv = FeatureView(
    name="subs_profile_fv",
    entities=[user],
    ttl=None,
    schema=[
        Field(name="months_active", dtype=Int64),
        Field(name="monthly_fee", dtype=Float32),
        Field(name="paperless_billing", dtype=Bool),
        Field(name="plan_stream_tv", dtype=Bool),
        Field(name="plan_stream_movies", dtype=Bool),
        Field(name="net_service", dtype=String),
    ],
    source=subs_profile_source,
    online=True,
    tags={"owner": "mlops-course"},
)

usage_agg_30d_fv = FeatureView(
    name="usage_agg_30d_fv",
    entities=[user],
    ttl=None,
    schema=[
        Field(name="watch_hours_30d", dtype=Float32),
        Field(name="avg_session_mins_7d", dtype=Float32),
        Field(name="unique_devices_30d", dtype=Int64),
        Field(name="skips_7d", dtype=Int64),
        Field(name="rebuffer_events_7d", dtype=Int64),
    ],
    source=usage_agg_30d_source,
    online=True,
    tags={"owner": "mlops-course"},
)

payments_agg_90d_fv = FeatureView(
    name="payments_agg_90d_fv",
    entities=[user],
    ttl=None,
    schema=[Field(name="failed_payments_90d", dtype=Int64)],
    source=payments_agg_90d_source,
    online=True,
    tags={"owner": "mlops-course"},
)

support_agg_90d_fv = FeatureView(
    name="support_agg_90d_fv",
    entities=[user],
    ttl=None,
    schema=[
        Field(name="support_tickets_90d", dtype=Int64),
        Field(name="ticket_avg_resolution_hrs_90d", dtype=Float32),
    ],
    source=support_agg_90d_source,
    online=True,
    tags={"owner": "mlops-course"},
)
