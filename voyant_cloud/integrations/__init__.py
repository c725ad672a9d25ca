"""For applications in a framework: ``voyant_cloud.integrations.django``, and what any framework can use."""
