from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('oemupdates', '0040_redirected'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='downloadcount',
            index=models.Index(fields=['day'], name='download_count_day'),
        ),
    ]
