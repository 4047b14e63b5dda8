"""The tables as a Django user declares them. (``configure`` comes first: Django wants its settings.)"""

from django.db import models

LIVE = models.Q(is_deleted=False)


class Stamped(models.Model):
    id = models.BigAutoField(primary_key=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    version = models.IntegerField(default=1)
    is_deleted = models.BooleanField(default=False)
    deleted_at = models.DateTimeField(null=True)
    deletion_id = models.UUIDField(null=True)

    class Meta:
        abstract = True


class Organization(Stamped):
    name = models.CharField(max_length=255)
    slug = models.CharField(max_length=100)
    subscription_tier = models.CharField(max_length=32, default="free")
    monthly_analysis_limit = models.IntegerField(default=100)
    monthly_analysis_count = models.IntegerField(default=0)
    usage_period = models.DateField()
    is_active = models.BooleanField(default=True)

    class Meta:
        app_label = "benchmark"
        managed = False
        db_table = "organizations"


class Tender(Stamped):
    organization = models.ForeignKey(Organization, models.DO_NOTHING)
    status = models.CharField(max_length=32, default="pending")
    processing_time = models.FloatField(null=True)
    error_message = models.TextField(null=True)
    external_id = models.CharField(max_length=255, null=True)
    source = models.CharField(max_length=100, null=True)
    title = models.CharField(max_length=500)
    description = models.TextField(null=True)
    organization_name = models.CharField(max_length=255, null=True)
    deadline = models.DateTimeField(null=True)
    estimated_value = models.DecimalField(max_digits=20, decimal_places=4, null=True)
    currency = models.CharField(max_length=3, null=True)
    url = models.CharField(max_length=1000, null=True)
    location = models.CharField(max_length=255, null=True)
    categories = models.JSONField(default=list)
    notice_status = models.CharField(max_length=50, null=True)
    published_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "benchmark"
        managed = False
        db_table = "tenders"
