"""The joint surrogate: features, definedness and rules learned together from every evaluation; sensitivities from its
gradient.
"""
