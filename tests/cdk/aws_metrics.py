"""The metrics of AWS's own that may be named, with their dimensions, from AWS's documentation.

Amazon SQS, "Available CloudWatch metrics"; Lambda, "Types of metrics"; API Gateway, "Amazon API Gateway
dimensions and metrics"; DynamoDB, "Metrics and dimensions"; Step Functions, "Monitoring using CloudWatch".
"""

_QUEUE = frozenset({"QueueName"})
_FUNCTION = frozenset({"FunctionName"})
_STAGE = frozenset({"ApiName", "Stage"})
_TABLE = frozenset({"TableName"})
_MACHINE = frozenset({"StateMachineArn"})

METRICS = {
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): _QUEUE,
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): _QUEUE,
    ("AWS/Lambda", "Duration"): _FUNCTION,
    ("AWS/Lambda", "Errors"): _FUNCTION,
    ("AWS/Lambda", "IteratorAge"): _FUNCTION,
    ("AWS/Lambda", "Throttles"): _FUNCTION,
    ("AWS/ApiGateway", "4XXError"): _STAGE,
    ("AWS/ApiGateway", "5XXError"): _STAGE,
    ("AWS/ApiGateway", "Count"): _STAGE,
    ("AWS/ApiGateway", "Latency"): _STAGE,
    ("AWS/DynamoDB", "ConsumedReadCapacityUnits"): _TABLE,
    ("AWS/DynamoDB", "ConsumedWriteCapacityUnits"): _TABLE,
    # Of the table as a whole, beside those by operation.
    ("AWS/DynamoDB", "ReadThrottleEvents"): _TABLE,
    ("AWS/DynamoDB", "WriteThrottleEvents"): _TABLE,
    ("AWS/States", "ExecutionsAborted"): _MACHINE,
    ("AWS/States", "ExecutionsFailed"): _MACHINE,
    ("AWS/States", "ExecutionsStarted"): _MACHINE,
    ("AWS/States", "ExecutionsSucceeded"): _MACHINE,
}
