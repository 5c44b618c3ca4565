class AgentWay:
    name='agent'
