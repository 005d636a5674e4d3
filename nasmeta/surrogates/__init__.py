from nasmeta.surrogates._features import FEATURE_SETS, class_features, function_classes
__all__=["FEATURE_SETS","class_features","function_classes"]
