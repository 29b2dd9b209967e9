from . import adapters as adapters, extensive as extensive, normal_form as normal_form
