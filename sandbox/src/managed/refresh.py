#!/usr/bin/env python3
"""Writes names.txt and documents.json anew: the AWS managed policies as moto (Apache-2.0, on PyPI) carries them.

    pip install moto && python3 sandbox/src/managed/refresh.py

names.txt has every policy: path, name, default version. documents.json has the documents that drills use; the largest
are shortened to the services that matter there."""
import json
import os

from moto.iam.aws_managed_policies import aws_managed_policies_data

HERE = os.path.dirname(os.path.abspath(__file__))
DOCUMENTS = """AdministratorAccess AWSDenyAll AWSCompromisedKeyQuarantine AWSCompromisedKeyQuarantineV2
AWSCompromisedKeyQuarantineV3 IAMUserChangePassword IAMFullAccess IAMReadOnlyAccess
IAMSelfManageServiceSpecificCredentials IAMUserSSHKeys PowerUserAccess AmazonS3ReadOnlyAccess AmazonS3FullAccess
AmazonEC2FullAccess AmazonEC2ReadOnlyAccess AmazonSSMManagedInstanceCore AWSLambdaBasicExecutionRole
CloudWatchAgentServerPolicy AmazonDynamoDBReadOnlyAccess AWSSupportAccess AWSSecurityHubReadOnlyAccess
AWSCloudTrail_ReadOnlyAccess AmazonEC2ContainerRegistryReadOnly ReadOnlyAccess SecurityAudit ViewOnlyAccess""".split()
LARGEST = 4000
SERVICES = {"access-analyzer", "cloudtrail", "ec2", "guardduty", "iam", "kms", "lambda", "logs", "organizations", "s3", "sts"}


def shortened(document):
    statements = []
    for statement in document["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        kept = [action for action in actions if action.split(":")[0] in SERVICES]
        if kept:
            statements.append({**statement, "Action": kept})
    return {**document, "Statement": statements}


def main():
    policies = json.loads(aws_managed_policies_data)
    with open(os.path.join(HERE, "names.txt"), "w") as file:
        for name, policy in sorted(policies.items()):
            file.write(f"{policy['Path']} {name} {policy['DefaultVersionId']}\n")
    documents = {name: policies[name]["Document"] for name in DOCUMENTS}
    for name, document in documents.items():
        if len(json.dumps(document)) > LARGEST:
            documents[name] = shortened(document)
    with open(os.path.join(HERE, "documents.json"), "w") as file:
        json.dump(documents, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
