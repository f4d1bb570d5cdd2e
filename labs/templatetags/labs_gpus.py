"""What a session lacks that its lab needs."""

from django import template

from labs.work.gpu_shortage import describe_gpu_shortage

register = template.Library()
register.filter("gpu_shortage", describe_gpu_shortage)
