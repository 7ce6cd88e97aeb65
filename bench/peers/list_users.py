"""All users of the account with boto3's paginator, 1,000 a page as awsiam asks for; its default would be 100."""

import json
import sys

import boto3

pages = boto3.client("iam").get_paginator("list_users").paginate(PaginationConfig={"PageSize": 1000})
json.dump([user for page in pages for user in page["Users"]], sys.stdout, default=str)
