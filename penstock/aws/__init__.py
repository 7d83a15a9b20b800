"""AWS behind the ports: DynamoDB, S3 and SQS. Nothing here decides anything."""
