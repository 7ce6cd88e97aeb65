"""The effect of awsiam's `disable user` on many users, one after the other in one process; boto3 retries by itself."""

import json
import sys

import boto3
from botocore.config import Config

iam = boto3.client("iam", config=Config(retries={"mode": "adaptive", "max_attempts": 20}))
for name in json.load(open(sys.argv[1])):
    try:
        iam.delete_login_profile(UserName=name)
    except iam.exceptions.NoSuchEntityException:
        pass
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        if key["Status"] == "Active":
            iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"], Status="Inactive")
json.dump({"disabled": "all"}, sys.stdout)
