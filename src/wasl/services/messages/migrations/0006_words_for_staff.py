"""Words of what staff are told since now; those of a new hotline come with its city."""

from typing import Any

from django.db import migrations

WORDS = {
    "staff_confirm": {
        "ar": (
            "يرجى تأكيد بيانات التواصل معكم حتى {{ due }}",
            "يُطلب منكم كل نصف سنة تأكيد عنوان بريدكم ورقم هاتفكم.\n\nيرجى التأكيد حتى {{ due }}: {{ list_url }}\nبعد ذلك تتوقف المستخرجات والملفات والقوائم الجديدة والتدريب إلى حين التأكيد.\n\nمركز الاتصالات {{ hotline }} - {{ city }}\n",
            "يرجى تأكيد رقم هاتفكم حتى {{ due }}: {{ list_url }}",
        ),
        "en": (
            "Please confirm how you are reached by {{ due }}",
            "Once in half a year you are asked whether your mail address and telephone are still right.\n\nPlease confirm them by {{ due }}: {{ list_url }}\nAfter that extracts, files, new lists and practice wait until you have.\n\n{{ city }} Contact Centre {{ hotline }}\n",
            "Please confirm your telephone number by {{ due }}: {{ list_url }}",
        ),
        "zh": (
            "请于{{ due }}前确认您的联系方式",
            "每半年请您确认一次邮箱和电话是否仍然有效。\n\n请于{{ due }}前确认：{{ list_url }}\n逾期未确认的，摘录、文件、新建列表和练习功能将暂停，直至确认为止。\n\n{{ city }}热线中心 {{ hotline }}\n",
            "请于{{ due }}前确认您的电话号码：{{ list_url }}",
        ),
    },
    "staff_emergency": {
        "ar": (
            "",
            "",
            "حالة طارئة {{ number }}: {{ category }}. {{ case_url }}",
        ),
        "en": (
            "",
            "",
            "Emergency {{ number }}: {{ category }}. {{ case_url }}",
        ),
        "zh": (
            "",
            "",
            "紧急事件{{ number }}：{{ category }}。{{ case_url }}",
        ),
    },
    "staff_escalated": {
        "ar": (
            "",
            "",
            "صُعِّد {{ number }}: {{ category }}. {{ case_url }}",
        ),
        "en": (
            "",
            "",
            "Escalated {{ number }}: {{ category }}. {{ case_url }}",
        ),
        "zh": (
            "",
            "",
            "{{ number }}已上报：{{ category }}。{{ case_url }}",
        ),
    },
}


def add_words(apps: Any, schema_editor: Any) -> None:
    """A hotline that stands already gets the words; a new one gets them with its city."""
    template = apps.get_model("outbox", "Template")
    if not template.objects.exists():
        return
    for event, said in WORDS.items():
        for language, (subject, mail, sms) in said.items():
            for channel, title, words in (("mail", subject, mail), ("sms", "", sms)):
                if words:
                    template.objects.get_or_create(
                        event=event, channel=channel, language=language, defaults={"subject": title, "body": words}
                    )


class Migration(migrations.Migration):
    dependencies = [("outbox", "0005_told_by_hand")]

    operations = [migrations.RunPython(add_words, migrations.RunPython.noop)]
